//! The general theme, and the templates that every theme shares.

use brightmeter::features::quest::Difficulty::{Easy, Hard, Medium};

use super::{Template, Theme, quest};

pub(super) const GENERAL: Theme = Theme {
    keywords: "",
    subject: "your goal",
    assessment: quest(
        Easy,
        2,
        "Describe what done looks like for {subject}",
        "A goal you can picture is easier to start, and you will know when you are there.",
        &[
            "Write five sentences about the day after you got there.",
            "Name one sign that anyone could check.",
            "Write down what you have already, and what is missing.",
            "Read it to someone and see if they understand.",
        ],
    ),
    moves: [
        quest(
            Easy,
            4,
            "Take the smallest real step toward {subject}",
            "Starting changes how the rest looks. A small finished step is worth more than a big plan.",
            &[
                "List ten things that would help, however small.",
                "Pick one that takes less than an hour.",
                "Do it within two days.",
                "Write down what you know now that you did not know before.",
            ],
        ),
        quest(
            Medium,
            7,
            "Ask two people who have been there about {subject}",
            "Someone has made your next mistake already. Most people like to tell you about theirs.",
            &[
                "Find two people who reached something similar.",
                "Ask what they would do first, and what they would leave out.",
                "Ask what took longer than they thought.",
                "Change one thing in your plan because of it.",
            ],
        ),
        quest(
            Hard,
            14,
            "Clear one big obstacle for {subject}",
            "There is usually one thing that holds up all the others. Work on anything else is comfortable, and slow.",
            &[
                "Write down what could stop you, and pick the likeliest.",
                "List three ways around it: with more time, with help, by making the goal smaller.",
                "Try the cheapest way first, for one week.",
                "If it does not move, ask for help by name.",
            ],
        ),
    ],
};

/// Templates for goals with a measure.
pub(in super::super) const NUMBERS: [Template; 3] = [
    quest(
        Easy,
        2,
        "Set weekly numbers for {subject}: {aim}",
        "The final number is too far away to steer by. A number for each week shows early whether you are on track.",
        &[
            "Write the aim at the top of a sheet: {aim}.",
            "Write down where you stand today with {subject}, in the same unit.",
            "Split the distance between them into weekly numbers; keep the first weeks small.",
            "Choose one person who sees the sheet every Friday.",
        ],
    ),
    quest(
        Easy,
        2,
        "Break the way into milestones for {subject}: {aim}",
        "Big numbers feel heavy. Four smaller ones feel like work you can do.",
        &[
            "Write down today's number and the aim: {aim}.",
            "Put three milestones between them: a quarter, half and three quarters of the way.",
            "Give each milestone a date and one thing that will get you there.",
            "Hang it where you see it every day.",
        ],
    ),
    quest(
        Easy,
        3,
        "Build a simple scoreboard for {subject}: {aim}",
        "What is counted every week gets attention every week. One number in plain sight is enough.",
        &[
            "Choose the one number that shows whether you reach the aim: {aim}.",
            "Find out how to read it in less than five minutes.",
            "Add one number you can move yourself, such as calls, posts or hours.",
            "Write both down every Friday.",
        ],
    ),
];

/// Templates for goals with a time but no measure.
pub(in super::super) const DATES: [Template; 2] = [
    quest(
        Easy,
        2,
        "Plan backwards for {subject}: done {time}",
        "From the end you see what has to happen first. From the start everything looks possible.",
        &[
            "Write the end on the right of a sheet: done {time}.",
            "Go back step by step and ask what must be finished just before.",
            "Put a date on every step, and keep the last fifth of the time free.",
            "Mark the first step that depends on someone else, and ask them today.",
        ],
    ),
    quest(
        Easy,
        2,
        "Set three checkpoints for {subject}: done {time}",
        "A date far away invites waiting. Three near ones keep you moving and leave room to correct.",
        &[
            "Write down what has to be true at the end: done {time}.",
            "Divide the time into three parts, and say what is finished after each.",
            "Put the three days into the calendar with someone else invited.",
            "Decide now what you will leave out if you fall behind.",
        ],
    ),
];

/// Templates for the last quest: a habit that keeps it going.
pub(in super::super) const HABITS: [Template; 3] = [
    quest(
        Medium,
        7,
        "Hold a 20-minute review every Friday for {subject}",
        "Plans age quickly. A short, honest look each week is the cheapest way to stay on course.",
        &[
            "Block 20 minutes in the calendar for the next eight Fridays.",
            "Ask three things: what moved, what did not, what is next.",
            "Compare with the aim: {aim}.",
            "Drop one thing that did not help.",
        ],
    ),
    quest(
        Medium,
        7,
        "Keep what works for {subject}",
        "Effort tends to scatter. Choosing two things to repeat does more than adding a third.",
        &[
            "List everything you tried so far, with its result.",
            "Compare the results with the aim: {aim}.",
            "Pick the two that did most and plan them for the next month.",
            "Write down what you stop, and tell the others.",
        ],
    ),
    quest(
        Medium,
        7,
        "Build a lasting routine for {subject}",
        "Motivation comes and goes. A routine with a name and a time stays.",
        &[
            "Turn the step that helped most into a fixed weekly slot.",
            "Give it to one person, with a backup.",
            "Write down how you will see that it works: {aim}.",
            "Plan a small celebration for the day you get there.",
        ],
    ),
];
