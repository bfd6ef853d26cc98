//! Brings the islands of Brightmeter's pages to life in the browser; nothing else.

// The islands are exported by `app`; naming it is what links them in.
use app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page once the module is loaded; the page then wakes its islands one by one.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
