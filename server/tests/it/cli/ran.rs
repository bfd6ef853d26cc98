//! Running the program and looking at what it did.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use uuid::Uuid;

/// Everything that configures it: a test starts from nothing.
const VARIABLES: [&str; 16] = [
    "BRIGHTMETER_ADDR",
    "BRIGHTMETER_PUBLIC_URL",
    "BRIGHTMETER_DATA_DIR",
    "BRIGHTMETER_CATALOG",
    "BRIGHTMETER_APP_ROLE",
    "BRIGHTMETER_LOG",
    "BRIGHTMETER_TEST_CLOCK",
    "DATABASE_URL",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_API_BASE",
    "AI_BASE_URL",
    "AI_API_KEY",
    "AI_MODEL",
    "SMTP_URL",
    "LEPTOS_SITE_ROOT",
];

/// The program with the words of `line`.
pub fn brightmeter(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brightmeter"));
    command.args(line.split_whitespace()).current_dir(std::env::temp_dir()).stdin(Stdio::null());
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.env("BRIGHTMETER_LOG", "warn");
    command
}

/// How it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What went wrong: one line, and nothing besides.
    pub fn one_line(&self) -> &str {
        let line = self.err.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n') && line.starts_with("brightmeter: "), "{}", self.err);
        line
    }
}

/// A directory that is gone when the test is over.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("brightmeter-cli-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
