//! Themes: events, content, music and learning.

use brightmeter::features::quest::Difficulty::{Easy, Hard, Medium};

use super::{Theme, quest};

pub(super) const EVENTS: Theme = Theme {
    keywords: "event* show shows tour tours touring gig gigs concert* festival* ticket tickets venue* workshop* \
        conference* meetup* webinar* exhibition* party wedding*",
    subject: "your event",
    assessment: quest(
        Easy,
        3,
        "Put the facts for {subject} on one sheet",
        "Dates, rooms and money decide early what is possible. One sheet keeps everyone on the same plan.",
        &[
            "Write down date, place, number of people and who decides what.",
            "List all costs and mark the ones that are fixed.",
            "Work out how many tickets or guests you need to break even.",
            "Name the three things that could go wrong, and who looks after each.",
        ],
    ),
    moves: [
        quest(
            Medium,
            7,
            "Invite thirty people by name for {subject}",
            "A room fills from the inside. People come when someone they know is coming.",
            &[
                "List 30 people who would be sad to miss it.",
                "Write to each of them personally, with one reason why it is for them.",
                "Give them an early price or a seat for a friend.",
                "Thank everyone who says yes, in public if they like.",
            ],
        ),
        quest(
            Medium,
            10,
            "Find two local partners for {subject}",
            "A shop, a radio station or a club nearby has your audience already, and needs something to talk about.",
            &[
                "List ten places your guests visit anyway.",
                "Offer something simple: free seats to give away, or a discount for their people.",
                "Bring a poster and a ready-made text.",
                "Give each partner a code, so that you see what works.",
            ],
        ),
        quest(
            Hard,
            14,
            "Run a three-week countdown for {subject}",
            "Most tickets go in the first days and the last ones. The time between needs a reason to decide.",
            &[
                "Plan one piece of news for each week: a guest, a song, a look at the room.",
                "Set one price step with a clear date.",
                "Remind people who looked and did not book.",
                "Walk through the evening with everyone involved, minute by minute.",
            ],
        ),
    ],
};

pub(super) const CONTENT: Theme = Theme {
    keywords: "content podcast* blog* video* youtube article* episode* writing write book books novel story \
        stories stream* channel listeners readers course",
    subject: "your content",
    assessment: quest(
        Easy,
        3,
        "Picture one listener or reader for {subject}",
        "Work for everyone touches no one. With one person in mind, most choices make themselves.",
        &[
            "Describe one real person who should love it.",
            "Write down five questions this person asks.",
            "Look at three similar works and note what they leave out.",
            "Write your promise in one sentence.",
        ],
    ),
    moves: [
        quest(
            Medium,
            7,
            "Make a rough first piece for {subject}",
            "The first piece is for learning. Finishing it teaches you more than planning ten.",
            &[
                "Pick the question you can answer best.",
                "Write an outline of five lines.",
                "Make it in one sitting, without polishing.",
                "Show it to three people and ask where they drifted off.",
            ],
        ),
        quest(
            Medium,
            10,
            "Build a small stock of pieces for {subject}",
            "A buffer turns pressure into rhythm. It carries you through the week when life gets in the way.",
            &[
                "Decide on a rhythm you could keep in a bad month.",
                "Outline the next six pieces.",
                "Make three of them before you publish the first.",
                "Put fixed hours for making into your calendar.",
            ],
        ),
        quest(
            Hard,
            14,
            "Plan the way to the audience for {subject}",
            "Good work does not spread on its own. Plan as much time for showing it as for making it.",
            &[
                "Cut each piece into three short parts for other channels.",
                "Offer one guest appearance to five people with a similar audience.",
                "Answer every comment in the first month.",
                "Keep the two channels that bring people who stay.",
            ],
        ),
    ],
};

pub(super) const MUSIC: Theme = Theme {
    keywords: "music* album* ep song* track tracks recording* mixing mastering beat beats vocal* \
        producer* band label demo demos lyrics playlist*",
    subject: "your music",
    assessment: quest(
        Easy,
        3,
        "Hold a listening session for {subject}",
        "Fresh ears find in an hour what weeks in the studio hide.",
        &[
            "Bounce everything as it is and take a day off from it.",
            "Listen once on a walk, without a screen, and take notes afterwards.",
            "Sort: done, nearly done, needs work, let go.",
            "Pick three reference tracks for the sound you want.",
        ],
    ),
    moves: [
        quest(
            Medium,
            7,
            "Finish one track completely for {subject}",
            "One finished track sets the bar and the method for all the others.",
            &[
                "Choose the one that is closest to done.",
                "Write a list of ten changes at most, and make no others.",
                "Mix it against your references at low volume.",
                "Send it to one person whose ears you trust, then close it.",
            ],
        ),
        quest(
            Medium,
            10,
            "Book fixed sessions for {subject}",
            "Studio time that is not in the calendar goes to something else. Sessions with one task each get finished.",
            &[
                "Block two sessions a week, each of three hours at most.",
                "Give every session one task: drums, vocals, edits or mix.",
                "Set up the room and the project the evening before.",
                "End with a bounce and two lines about what comes next.",
            ],
        ),
        quest(
            Hard,
            21,
            "Write a release plan for {subject}",
            "Most music goes out without a plan. Four weeks of preparation give it a fair chance.",
            &[
                "Order the master, the artwork and the credits.",
                "Set the date at least four weeks ahead and deliver to the distributor.",
                "Write a pitch of 80 words for playlists, radio and press.",
                "Plan one thing to show each week until the day.",
            ],
        ),
    ],
};

pub(super) const LEARNING: Theme = Theme {
    keywords: "learn* skill* study* training practice practise language* certif* exam* degree guitar piano \
        coding programming teach*",
    subject: "your new skill",
    assessment: quest(
        Easy,
        2,
        "Choose a real use for {subject}",
        "A use is a better guide than a list of topics. It shows what to learn first and what to leave out.",
        &[
            "Describe one situation in which you will use it.",
            "Write down what you can do today, honestly.",
            "Ask someone who can do it what they would learn first.",
            "Choose one course or book, and close the other tabs.",
        ],
    ),
    moves: [
        quest(
            Easy,
            7,
            "Hold five 20-minute sessions for {subject}",
            "Short and often beats long and rare. The first week is about showing up.",
            &[
                "Pick a fixed time and place.",
                "Prepare tomorrow's exercise the evening before.",
                "Work for 20 minutes with the phone in another room.",
                "Mark each day on paper where you see it.",
            ],
        ),
        quest(
            Medium,
            14,
            "Finish one small project for {subject}",
            "Using it shows right away what you have understood. Reading only feels like it.",
            &[
                "Choose a task you can finish in two weeks.",
                "Start before you feel ready, and note every gap.",
                "Close the three biggest gaps, one at a time.",
                "Finish it, even if it is plain.",
            ],
        ),
        quest(
            Hard,
            21,
            "Ask an expert for feedback on {subject}",
            "An hour of honest feedback can save a month of practicing the wrong thing.",
            &[
                "Find a teacher, a group or a colleague who is two steps ahead.",
                "Show real work and ask for the one thing to change first.",
                "Practice only that for a week.",
                "Show it again.",
            ],
        ),
    ],
};
