//! Themes: sales, marketing, customers and launches.

use brightmeter::features::quest::Difficulty::{Easy, Hard, Medium};

use super::{Theme, quest};

pub(super) const SALES: Theme = Theme {
    keywords: "sell* sale sales revenue* income turnover earn* price* pricing upsell* deal deals merch \
        merchandise money profit* buyer* checkout lead leads pipeline client* customer* vinyl conversion* \
        mrr arr shop order orders fee fees shoppers",
    subject: "your sales",
    assessment: quest(
        Easy,
        3,
        "Map the numbers behind {subject}",
        "Growth hides in a few places. Once you see which products and buyers bring the money, the next move is usually plain.",
        &[
            "List the last 90 days of sales by product and by channel.",
            "Mark the three lines that bring the most money and the three that bring the least.",
            "Work out the average order, and how many buyers come back.",
            "Write down the one thing that surprised you.",
        ],
    ),
    moves: [
        quest(
            Medium,
            7,
            "Win back ten past buyers for {subject}",
            "People who bought once are the easiest to sell to. Most of them were never asked again.",
            &[
                "List buyers who have been quiet for 60 days or more.",
                "Write ten short messages that mention what each of them bought.",
                "Offer a first look at something new instead of a discount.",
                "Note who answers, and in which words.",
            ],
        ),
        quest(
            Medium,
            10,
            "Build one clear offer for {subject}",
            "A bundle or a limited edition gives people a reason to buy now, and to buy a little more.",
            &[
                "Pick two things that buyers often take together.",
                "Set one price that saves them about a tenth and leaves you a healthy margin.",
                "Give it a name, one good photo and an end date.",
                "Show it where most of your visitors arrive.",
            ],
        ),
        quest(
            Hard,
            14,
            "Test a higher price or a richer package for {subject}",
            "A small change in price often does more than a big change in traffic. Test it instead of guessing.",
            &[
                "Choose one product with steady demand.",
                "Offer a premium version with one clear extra for two weeks.",
                "Count views, sales and money for both versions.",
                "Keep the one that earns more per visitor.",
            ],
        ),
    ],
};

pub(super) const MARKETING: Theme = Theme {
    keywords: "market* audience* follower* social instagram tiktok facebook linkedin brand* newsletter* \
        subscriber* seo traffic fan fans fanbase awareness campaign* ads advert* visibility mailing press \
        visitor* community",
    subject: "your audience",
    assessment: quest(
        Easy,
        3,
        "Get to know the people behind {subject}",
        "Reaching everyone is expensive. Reaching the people who already lean toward you is cheap, once you know who they are.",
        &[
            "Look up your five best posts or mails of the last three months.",
            "Write down what they have in common: topic, form, time, tone.",
            "Ask five people who follow you how they found you.",
            "Describe your typical person in three sentences.",
        ],
    ),
    moves: [
        quest(
            Medium,
            7,
            "Plan two weeks of posts for {subject}",
            "Steady beats loud. A small plan frees you from having to be inspired every morning.",
            &[
                "Pick one main channel and leave the others alone for now.",
                "Choose three recurring formats, such as a tip, a look behind the scenes and a question.",
                "Prepare six posts in one sitting.",
                "End each post with one clear thing to do.",
            ],
        ),
        quest(
            Medium,
            10,
            "Open a sign-up page for {subject}",
            "Followers belong to the platform. An address belongs to you, and it still works when the algorithm changes.",
            &[
                "Make one small gift that helps right away: a checklist, a demo track, a template.",
                "Put it on a page with one sentence and one field.",
                "Link the page from every profile you own.",
                "Send a welcome mail that asks one question.",
            ],
        ),
        quest(
            Hard,
            14,
            "Find a partner for {subject}",
            "Someone already has the trust of the people you want. Working together is faster than earning it from zero.",
            &[
                "List ten people or brands with a similar audience and another offer.",
                "Write to the best five with one concrete idea that helps them too.",
                "Do one thing together: a guest post, a live session, a joint giveaway.",
                "Count who came from it and still is there after two weeks.",
            ],
        ),
    ],
};

pub(super) const CUSTOMERS: Theme = Theme {
    keywords: "customer* support retention retain* churn* keep helpdesk complain* nps satisf* review* refund* \
        response requests loyal* renew* cancel* feedback service happ*",
    subject: "your customers",
    assessment: quest(
        Easy,
        4,
        "Find the moments that matter most for {subject}",
        "People rarely leave without a reason. The reason is usually in messages you already have.",
        &[
            "Read the last 30 support messages in one go.",
            "Sort them into five piles at most and count each pile.",
            "Write down when people left, and what happened just before.",
            "Choose the one pile that hurts most.",
        ],
    ),
    moves: [
        quest(
            Medium,
            5,
            "Write the one answer that helps most with {subject}",
            "The best answer is the one no one has to ask for. It saves your time and their patience.",
            &[
                "Take the question that came up most last month.",
                "Write an answer of less than 150 words with one picture.",
                "Put it where the question arises, and into a saved reply.",
                "Check in two weeks if the question comes up less.",
            ],
        ),
        quest(
            Medium,
            10,
            "Talk to five people about {subject}",
            "Numbers tell you that something is wrong. Only people tell you why.",
            &[
                "Pick three happy customers and two who left or nearly left.",
                "Ask what they hoped for, what they got and what almost stopped them.",
                "Listen for 15 minutes and do not defend anything.",
                "Fix the smallest thing that two of them mentioned, and tell them.",
            ],
        ),
        quest(
            Hard,
            14,
            "Set up an early warning for {subject}",
            "A customer you reach before they decide to go is often a customer who stays.",
            &[
                "Choose two signs of trouble, such as no visit for 14 days or two complaints in a month.",
                "Make a list that shows who has one of them, every Monday.",
                "Write a short personal message for each sign.",
                "After a month, compare those you wrote to with those you did not.",
            ],
        ),
    ],
};

pub(super) const LAUNCH: Theme = Theme {
    keywords: "launch* product* ship release* mvp beta prototype* feature* app startup website roadmap version \
        preorder* kickstarter crowdfund*",
    subject: "your launch",
    assessment: quest(
        Easy,
        3,
        "Write the announcement for {subject} first",
        "If the news is hard to write, the thing is not clear yet. It is cheaper to find that out today.",
        &[
            "Write one headline and five sentences for the day it goes out.",
            "Say who it is for and what they can do now that they could not do before.",
            "Read it to two people and ask them to repeat it in their own words.",
            "Rewrite every part they got wrong.",
        ],
    ),
    moves: [
        quest(
            Medium,
            7,
            "Choose the smallest first version for {subject}",
            "A smaller first version goes out sooner, and teaches you more than a bigger plan.",
            &[
                "List everything that is planned for the first version.",
                "Mark what a first user would miss on day one.",
                "Move all the rest to a list called later.",
                "Name one person who finishes each thing that stays.",
            ],
        ),
        quest(
            Medium,
            10,
            "Run five short user tests for {subject}",
            "Five people find most of the problems that five hundred would.",
            &[
                "Invite five people who fit your headline.",
                "Give them one task and stay silent.",
                "Write down every place where they stop or ask.",
                "Repair the three worst places before anyone else sees them.",
            ],
        ),
        quest(
            Hard,
            14,
            "Line up the first fifty people for {subject}",
            "A launch to no one is just a date. A short list of people who wait for it is a start.",
            &[
                "Open a waiting list with one sentence and one field.",
                "Write personally to 20 people who have the problem you solve.",
                "Show something real from the work once a week.",
                "Ask everyone on the list to bring one other person.",
            ],
        ),
    ],
};
