//! The HTML document around every page.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::routes::App;

/// The HTML document. Leptos adds the request's nonce to the hydration and reload scripts.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="description" content="Prepaid AI tokens: what's left, what it buys, and where every token went." />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <HashedStylesheet options=options.clone() />
                <AutoReload options=options.clone() />
                {match Islands::of_request() {
                    Islands::None => ().into_any(),
                    Islands::Immediate => view! { <HydrationScripts options islands=true /> }.into_any(),
                    Islands::Lazy => view! { <LazyScripts options /> }.into_any(),
                }}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The delay after which [`Islands::Lazy`] pages hydrate without user input, in milliseconds.
const ISLAND_DELAY_MS: u32 = 4_000;

/// Whether and when the requested page hydrates its islands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Islands {
    /// The page has no islands and loads no script.
    None,
    /// The page follows a running job, so it hydrates immediately.
    Immediate,
    /// The page hydrates on the first user input, or after [`ISLAND_DELAY_MS`].
    Lazy,
}

impl Islands {
    fn of_request() -> Self {
        let uri = use_context::<axum::http::request::Parts>().map(|parts| parts.uri);
        uri.map_or(Self::None, |uri| Self::of(uri.path(), uri.query().unwrap_or_default()))
    }

    fn of(path: &str, query: &str) -> Self {
        match path {
            "/dashboard" => Self::Lazy,
            "/quests" if query.split('&').any(|pair| pair.starts_with("job=")) => Self::Immediate,
            _ if path.starts_with("/quests/") => Self::Immediate,
            _ => Self::None,
        }
    }
}

/// The scripts, loaded later. On a slow phone they would compete with the page itself.
#[component]
fn LazyScripts(options: LeptosOptions) -> impl IntoView {
    let script = format!("{}({ISLAND_DELAY_MS})", include_str!("shell/start_islands.js").trim_end());
    view! {
        <template id="islands">
            <HydrationScripts options islands=true />
        </template>
        <script nonce=use_nonce()>{script}</script>
    }
}

#[cfg(test)]
mod tests {
    use super::Islands;

    #[test]
    fn only_pages_with_islands_load_scripts() {
        let check = |path: &str, query: &str, expected: Islands| assert_eq!(Islands::of(path, query), expected);
        check("/dashboard", "", Islands::Lazy);
        check("/quests", "flash=done&job=7", Islands::Immediate);
        check("/quests/7", "", Islands::Immediate);
        check("/quests", "", Islands::None);
        check("/activity", "job=7", Islands::None);
    }
}
