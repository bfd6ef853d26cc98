//! Deadlines, from the outside in: each is longer than those of the steps inside it, so that the inner one ends first and
//! the caller learns what happened.

use std::time::Duration;

/// A request, from its head to the response.
pub const REQUEST: Duration = Duration::from_millis(9_500);
/// The whole body of a request, from its head on.
pub const BODY: Duration = Duration::from_secs(7);
/// All requests to Stripe that one page makes.
pub const STRIPE: Duration = Duration::from_secs(8);
/// A command, in the queue and in its batch. After that its outcome is unknown to the caller.
pub const SUBMIT: Duration = Duration::from_secs(8);
/// A batch, from BEGIN until the COMMIT is answered. Then the connection counts as lost.
pub const BATCH: Duration = Duration::from_millis(5_500);
/// A statement. Postgres cancels it.
pub const STATEMENT: Duration = Duration::from_secs(4);
/// A wait for a lock inside a statement.
pub const LOCK: Duration = Duration::from_secs(3);
/// A wait for a connection of a pool, including a new connection.
pub const ACQUIRE: Duration = Duration::from_millis(2_500);
/// A new connection.
pub const CONNECT: Duration = Duration::from_secs(2);
/// A ping of a connection.
pub const PING: Duration = Duration::from_secs(1);
/// The silence of a client in a transaction, after which Postgres ends it and frees its locks.
pub const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);

const fn is_inside(inner: Duration, outer: Duration) -> bool {
    inner.as_millis() < outer.as_millis()
}

const _: () = assert!(is_inside(BODY, REQUEST) && is_inside(STRIPE, REQUEST) && is_inside(SUBMIT, REQUEST));
// A command may wait for the batch before its own.
const _: () = assert!(is_inside(BATCH, SUBMIT) && is_inside(STATEMENT, BATCH) && is_inside(LOCK, STATEMENT));
const _: () = assert!(is_inside(ACQUIRE, STATEMENT) && is_inside(CONNECT, ACQUIRE) && is_inside(PING, CONNECT));
// The locks of a lost connection are free before the next batch gives up.
const _: () = assert!(is_inside(IDLE_IN_TRANSACTION, BATCH));
