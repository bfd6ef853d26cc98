//! `/tokens/holds`.

mod capture;
mod open;
mod release;
mod show;
