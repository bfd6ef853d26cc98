//! A refused form, whose page is rendered again with the typed values and the errors.

use leptos::prelude::use_context;

use crate::error::AppError;

/// A refused form. In a page's context only after a POST.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// The field names and typed values, without passwords.
    pub values: Vec<(String, String)>,
    /// The error, for the whole form or by field.
    pub error: Option<AppError>,
}

/// The demo accounts. In a page's context only if the server shows demo data.
#[derive(Clone, Debug)]
pub struct DemoSignIns {
    /// The email and a description of each account.
    pub accounts: Vec<(String, String)>,
    /// The password of all accounts.
    pub password: String,
}

/// The secret of a new API key. In a page's context only after the POST that created it.
#[derive(Clone)]
pub struct NewSecret(pub String);

impl Form {
    /// Returns the refused form of this page, or an empty one.
    pub fn current() -> Self {
        use_context::<Self>().unwrap_or_default()
    }

    /// Returns the value typed into `field`. Empty if none.
    pub fn value(&self, field: &str) -> String {
        self.values.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Returns the error of `field`.
    pub fn problem(&self, field: &str) -> Option<String> {
        let Some(AppError::Invalid { fields }) = &self.error else { return None };
        fields.iter().find(|(name, _)| name == field).map(|(_, message)| message.clone())
    }

    /// Returns the error of the form as a whole, or `None` if the errors belong to fields.
    pub fn alert(&self) -> Option<&AppError> {
        self.error.as_ref().filter(|error| !matches!(error, AppError::Invalid { fields } if !fields.is_empty()))
    }
}
