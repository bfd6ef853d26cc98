//! Brightmeter's pages: what people see. Pages are rendered by the server; what must react in the browser is an island.

#[cfg(feature = "ssr")]
pub mod backend;
pub mod components;
pub mod error;
#[cfg(feature = "ssr")]
pub mod flash;
#[cfg(feature = "ssr")]
pub mod form;
pub mod functions;
#[cfg(feature = "ssr")]
pub mod instant_text;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod shell;
pub mod views;

#[cfg(feature = "ssr")]
pub use shell::{App, shell};
