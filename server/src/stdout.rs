//! Output for people, on stdout.

use std::io::Write;

/// Prints a line to stdout. Write errors are ignored: the reader may have closed the pipe.
pub(crate) fn say(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout(), "{}", line.as_ref());
}
