//! Brightmeter's pages: what people see. Pages are rendered by the server; what must react in the browser is an island.

#[cfg(feature = "ssr")]
pub mod backend;
pub mod components;
pub mod error;
#[cfg(feature = "ssr")]
pub mod form;
pub mod functions;
pub mod pages;
mod shell;
pub mod views;
#[cfg(feature = "ssr")]
pub mod when;

pub use shell::{App, shell};
