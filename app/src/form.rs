//! A form that came back: what was typed and what is wrong with it, for the page that is rendered again.

use leptos::prelude::use_context;

use crate::error::AppError;

/// A form that was refused. In a page's context only after a POST.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Field and what was typed. Passwords are not kept.
    pub values: Vec<(String, String)>,
    /// What is wrong, for the whole form or by field.
    pub error: Option<AppError>,
}

/// The demo's accounts. In a page's context only where the server shows demo data.
#[derive(Clone, Debug)]
pub struct DemoSignIns {
    /// Email and what each shows.
    pub accounts: Vec<(String, String)>,
    /// The password of all of them.
    pub password: String,
}

/// The secret of the key that was just made. In a page's context only right after.
#[derive(Clone)]
pub struct NewSecret(pub String);

impl Form {
    /// The form of this page, empty unless it was posted.
    pub fn current() -> Self {
        use_context::<Self>().unwrap_or_default()
    }

    /// What was typed into `field`.
    pub fn value(&self, field: &str) -> String {
        self.values.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// What is wrong with `field`.
    pub fn problem(&self, field: &str) -> Option<String> {
        let Some(AppError::Invalid { fields }) = &self.error else { return None };
        fields.iter().find(|(name, _)| name == field).map(|(_, message)| message.clone())
    }

    /// What is wrong with the form as a whole.
    pub fn alert(&self) -> Option<&AppError> {
        self.error.as_ref().filter(|error| !matches!(error, AppError::Invalid { fields } if !fields.is_empty()))
    }
}
