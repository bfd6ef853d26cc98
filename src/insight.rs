//! Insight: rules over past usage.

pub mod runway;
