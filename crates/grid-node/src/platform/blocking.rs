//! Work that waits for files or computes for long: kept off the threads that tasks run on.

use std::future::Future;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinError;

/// Runs `work` on a thread for such work. A runtime of one thread promises that nothing runs beside
/// it, so there the work is done in place; products have runtimes of several threads.
pub(crate) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, JoinError>> {
    let alone = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
    async move { if alone { Ok(work()) } else { tokio::task::spawn_blocking(work).await } }
}
