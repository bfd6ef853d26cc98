//! The properties that the fuzz targets in `server/fuzz` check, one function for each parser of what comes from outside.
//! A function panics if a property doesn't hold. The inputs in `server/fuzz/corpus` are checked by the unit tests too.

mod catalog;
mod key;
mod signature;
mod webhook;

pub use self::{catalog::catalog, key::key, signature::signature, webhook::webhook};
pub use crate::http::api::fuzzing::{accept, body, cursor, query};

#[cfg(test)]
mod tests {
    use std::{fs, panic::catch_unwind, path::Path};

    #[track_caller]
    fn check(target: &str, property: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let inputs: Vec<_> = fs::read_dir(&corpus).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "{corpus:?} is empty");
        for input in inputs {
            let bytes = fs::read(&input).unwrap();
            assert!(catch_unwind(|| property(&bytes)).is_ok(), "{}", input.display());
        }
    }

    #[test]
    fn every_input_of_the_corpus_has_the_properties_of_its_parser() {
        check("accept", super::accept);
        check("body", super::body);
        check("catalog", super::catalog);
        check("cursor", super::cursor);
        check("key", super::key);
        check("query", super::query);
        check("signature", super::signature);
        check("webhook", super::webhook);
    }
}
