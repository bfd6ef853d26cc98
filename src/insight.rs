//! Insight: forecasts from past usage.

pub mod runway;
