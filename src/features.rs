//! The AI features: the input they take and the results they return.

pub mod quest;
