//! Themes: costs, hiring, inventory and operations.

use brightmeter::features::quest::Difficulty::{Easy, Hard, Medium};

use super::{Theme, quest};

pub(super) const COSTS: Theme = Theme {
    keywords: "cost* save saving* budget* spend* expense* cheaper overhead* waste* invoice* cash debt* margin* \
        bill bills subscriptions software",
    subject: "your costs",
    assessment: quest(
        Easy,
        3,
        "Put all the numbers for {subject} on one page",
        "You cannot cut what you do not see. One page is enough to show where the money goes.",
        &[
            "Export three months of bank and card statements.",
            "Group the lines into ten groups at most.",
            "Mark each as needed, useful or forgotten.",
            "Add up the forgotten ones.",
        ],
    ),
    moves: [
        quest(
            Easy,
            4,
            "Find three quick wins for {subject}",
            "Small monthly payments are easy to forget and easy to stop. It is the fastest money you will find.",
            &[
                "List all subscriptions with their price and the last time someone used them.",
                "Ask the team which ones they would pay for themselves.",
                "Cancel or downgrade three today.",
                "Set a reminder one week before each yearly renewal.",
            ],
        ),
        quest(
            Medium,
            10,
            "Renegotiate one big bill for {subject}",
            "Suppliers expect the question. Most people never ask it.",
            &[
                "Pick the largest bill that is not a salary.",
                "Get two other offers for the same service.",
                "Ask your supplier to match the better one, or to give more for the same price.",
                "Write down the new price and when to ask again.",
            ],
        ),
        quest(
            Hard,
            21,
            "Remove one cause of waste behind {subject}",
            "A lower price saves once. A mistake that no longer happens saves every month.",
            &[
                "Find work that is done twice, or thrown away: returns, reprints, overtime, rush fees.",
                "Work out what it costs a month.",
                "Ask the people who do the work what would prevent it.",
                "Try their best idea for three weeks and compare.",
            ],
        ),
    ],
};

pub(super) const HIRING: Theme = Theme {
    keywords: "hire* hiring recruit* candidate* engineer* freelancer* onboard* talent interview* intern interns \
        job volunteer* editors",
    subject: "your team",
    assessment: quest(
        Easy,
        3,
        "Describe the first 90 days for {subject}",
        "A clear picture of the first 90 days attracts the right people and spares you the wrong ones.",
        &[
            "Write down three results you want to see after 90 days.",
            "List the skills without which these cannot be reached; five at most.",
            "Name what you offer besides money.",
            "Let someone who does similar work correct the list.",
        ],
    ),
    moves: [
        quest(
            Medium,
            7,
            "Ask twenty people you trust about {subject}",
            "Good people know good people. A personal word brings better answers than most advertisements.",
            &[
                "List 20 people who know your work.",
                "Send each of them your three results in a message of five lines.",
                "Ask who comes to mind, not whether they want the job.",
                "Talk to every name within three days.",
            ],
        ),
        quest(
            Medium,
            10,
            "Set up one fair trial for {subject}",
            "Talking shows how people talk. A short paid task shows how they work.",
            &[
                "Choose a real task of two to three hours and pay for it.",
                "Write down before the first talk what a good result looks like.",
                "Ask everyone the same four questions.",
                "Score alone first, then compare with a colleague.",
            ],
        ),
        quest(
            Hard,
            14,
            "Prepare a good first month for {subject}",
            "Most early exits begin in the first weeks. A prepared start pays back for years.",
            &[
                "Plan the first week day by day, with one finished thing by Friday.",
                "Name one person who answers questions.",
                "Collect accounts, tools and reading in one place.",
                "Put talks after 7, 30 and 60 days into the calendar.",
            ],
        ),
    ],
};

pub(super) const INVENTORY: Theme = Theme {
    keywords: "inventor* warehouse* stock* overstock supply supplier* shipping shipment* logistic* fulfil* \
        deliver* parcel* storage backorder* restock* packing",
    subject: "your stock",
    assessment: quest(
        Easy,
        4,
        "Make an honest count for {subject}",
        "Lists and shelves drift apart. Every later decision is only as good as this count.",
        &[
            "Count your 20 most important items by hand.",
            "Compare with the list and note each difference.",
            "Mark what did not move for 90 days.",
            "Mark what ran out in the last 90 days.",
        ],
    ),
    moves: [
        quest(
            Medium,
            7,
            "Turn ten slow items into cash for {subject}",
            "Goods that lie around cost space and money twice: once when you bought them, and again every month.",
            &[
                "Pick the ten items that have been there longest.",
                "Bundle the better ones with something that sells.",
                "Offer the rest at one low price for ten days.",
                "Give away or recycle what is left.",
            ],
        ),
        quest(
            Medium,
            10,
            "Set ten reorder points for {subject}",
            "One number for each item replaces a lot of worrying, and most emergency orders.",
            &[
                "Work out how many you sell a week.",
                "Ask your supplier how many weeks delivery takes, and add one.",
                "Multiply the two; order when you fall to that number.",
                "Write the number on the shelf and into the list.",
            ],
        ),
        quest(
            Hard,
            14,
            "Shorten the way from order to parcel for {subject}",
            "Every meter and every search in the packing room comes back in each single order.",
            &[
                "Follow five orders with a stopwatch, from click to label.",
                "Move the 20 most wanted items next to the packing table.",
                "Remove one step that no one can give a reason for.",
                "Measure five orders again.",
            ],
        ),
    ],
};

pub(super) const OPERATIONS: Theme = Theme {
    keywords: "operation* process* workflow* efficien* automat* organis* organiz* quality error* delay* meeting* \
        productiv* system systems admin faster uptime incident* outage* health backlog* focus report* \
        deadline* safety burnout team* communication culture burnt stress* overwork*",
    subject: "your daily work",
    assessment: quest(
        Easy,
        4,
        "Draw the way things work today for {subject}",
        "Most trouble sits between two people or two tools. You see it once the whole way is on paper.",
        &[
            "Draw the steps from start to end on one sheet.",
            "Write who does each step and how long it takes.",
            "Mark every place where work waits or comes back.",
            "Ask the people involved what they would change first.",
        ],
    ),
    moves: [
        quest(
            Medium,
            5,
            "Make a one-page checklist for {subject}",
            "A checklist keeps good days and bad days alike. It also lets someone else step in.",
            &[
                "Pick the step where mistakes happen most.",
                "Write ten lines at most, each one action.",
                "Let a colleague follow it without your help.",
                "Correct it where they hesitate.",
            ],
        ),
        quest(
            Medium,
            10,
            "Free one hour a week for {subject}",
            "An hour a week is a working week a year. Tools you already pay for can often take it over.",
            &[
                "List the chores that come back each week, with their minutes.",
                "Pick one that follows clear rules.",
                "Automate it, simplify it or stop doing it.",
                "Check for two weeks that nothing is missed.",
            ],
        ),
        quest(
            Hard,
            14,
            "Fix what most often gets in the way of {subject}",
            "Repairing the same thing every week feels busy. Removing its cause gives the time back.",
            &[
                "Count which problem came up most in the last month.",
                "Ask why five times and write each answer down.",
                "Change one thing about the last answer.",
                "Watch the count for two weeks before you change anything else.",
            ],
        ),
    ],
};
