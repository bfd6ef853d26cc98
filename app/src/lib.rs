//! Brightmeter's pages. The server renders them; only parts that must react in the browser are islands.

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
pub mod routes;
#[cfg(feature = "ssr")]
pub mod shell;
pub mod views;

#[cfg(feature = "ssr")]
pub use shell::shell;
