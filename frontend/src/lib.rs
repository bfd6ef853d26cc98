//! Hydrates the islands of Brightmeter's pages.

// `app` exports the islands. Naming the crate links them in.
use app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Starts hydration. The page calls it after loading the module, then hydrates its islands one by one.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
