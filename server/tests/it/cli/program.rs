//! Runs the program and captures its output.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use uuid::Uuid;

/// The variables that configure the program. Tests remove them all from the environment.
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

/// Returns a command that runs the program with the arguments in `line`.
pub fn brightmeter(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brightmeter"));
    command.args(line.split_whitespace()).current_dir(std::env::temp_dir()).stdin(Stdio::null());
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.env("BRIGHTMETER_LOG", "warn");
    command
}

/// The program's exit code and output.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Returns the error message. Asserts that it is a single line.
    pub fn one_line(&self) -> &str {
        let line = self.stderr.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n') && line.starts_with("brightmeter: "), "{}", self.stderr);
        line
    }
}

/// A temporary directory, removed on drop.
pub struct TempDir(pub PathBuf);

impl TempDir {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("brightmeter-cli-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
