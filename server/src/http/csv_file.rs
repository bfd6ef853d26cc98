//! CSV files: in a spreadsheet they open with the right letters, and no text in them is run as a formula.

use csv::Writer;

use crate::service::{Result, StorageError};

/// Tells a spreadsheet that the file is in UTF-8. Excel takes it for the system's old code page otherwise.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The characters that start a formula, and their full-width forms, which some spreadsheets read as the same.
const FORMULA_STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// The content of a cell.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    /// A number, which may start with a minus sign.
    Number(i128),
    /// Anything else. If it could be a formula, it gets an apostrophe, which spreadsheets hide.
    Text(String),
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl Cell {
    fn into_text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) if is_formula(&text) => format!("'{text}"),
            Self::Text(text) => text,
        }
    }
}

/// Whether a spreadsheet may run `text`. Some skip white space first, and a tab or a line break also starts a new cell.
fn is_formula(text: &str) -> bool {
    text.starts_with(['\t', '\r', '\n']) || text.trim_start().starts_with(FORMULA_STARTS)
}

/// Who reads a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// A person, in a spreadsheet.
    Spreadsheet,
    /// A program that called the API. It may take a byte order mark for a part of the first column's name.
    Program,
}

/// Rows of a file with `N` columns, or of a part of it.
pub(super) struct Rows<const N: usize>(Writer<Vec<u8>>);

impl<const N: usize> Rows<N> {
    /// Starts a file with the names of its columns.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`], which never happens.
    pub(super) fn start(columns: [&str; N], reader: Reader) -> Result<Self> {
        let start = if reader == Reader::Spreadsheet { BYTE_ORDER_MARK } else { "" };
        let mut rows = Self(Writer::from_writer(start.into()));
        rows.0.write_record(columns).map_err(corrupt)?;
        Ok(rows)
    }

    /// Continues a file.
    pub(super) fn go_on() -> Self {
        Self(Writer::from_writer(Vec::new()))
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`], which never happens.
    pub(super) fn push(&mut self, cells: [Cell; N]) -> Result<()> {
        self.0.write_record(cells.map(Cell::into_text)).map_err(corrupt)
    }

    /// Returns the text.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`], which never happens.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        self.0.into_inner().map_err(|error| corrupt(error.into_error().into()))
    }
}

fn corrupt(error: csv::Error) -> StorageError {
    StorageError::Corrupt(format!("a row can't be written as CSV: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_could_be_a_formula_is_guarded_and_numbers_are_not() {
        for text in ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", " =1", "\u{a0}=1", "＝1+1", "＋1", "－1", "＠a"]
        {
            assert_eq!(Cell::from(text).into_text(), format!("'{text}"));
        }
        for text in ["", "Éloïse Müller", "a=1", "1-1", "'=1"] {
            assert_eq!(Cell::from(text).into_text(), text);
        }
        assert_eq!(Cell::from(-5_i64).into_text(), "-5");
    }

    #[test]
    fn a_file_for_a_spreadsheet_starts_with_the_byte_order_mark() {
        let mut rows = Rows::start(["name", "amount"], Reader::Spreadsheet).unwrap();
        rows.push(["Éloïse Müller".into(), (-5_i64).into()]).unwrap();
        assert_eq!(rows.finish().unwrap(), "\u{feff}name,amount\nÉloïse Müller,-5\n".as_bytes());
        let rows = Rows::start(["name"], Reader::Program).unwrap();
        assert_eq!(rows.finish().unwrap(), b"name\n");
        let mut rows = Rows::go_on();
        rows.push(["a \"b\"".into(), 1_i64.into()]).unwrap();
        assert_eq!(rows.finish().unwrap(), b"\"a \"\"b\"\"\",1\n");
    }
}
