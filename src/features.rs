//! AI features: their validated input and results.

pub mod quest;
