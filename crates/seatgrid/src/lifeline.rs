//! When a role has to stop: SIGINT, SIGTERM, or the end of standard input when the supervisor holds
//! the other end. That pipe closes even when the supervisor is killed, so no child outlives it.

use std::os::fd::AsFd;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// As a shell reports a process that SIGINT ended.
const EXIT_AT_ONCE: i32 = 130;

/// A token that is cancelled when the process has to stop.
///
/// # Errors
/// When signal handlers cannot be installed.
pub fn shutdown_token(lifeline: bool) -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let cancel = token.clone();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let reason = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            () = end_of_input(lifeline) => "the supervisor is gone",
        };
        tracing::info!(reason, "stopping");
        cancel.cancel();
        // Asked a second time: whoever asks does not want to wait. Nothing acknowledged is lost.
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(EXIT_AT_ONCE);
    });
    Ok(token)
}

async fn end_of_input(lifeline: bool) {
    if lifeline && let Err(error) = read_to_end().await {
        // Without a pipe there is nobody to lose.
        tracing::warn!(%error, "standard input is no lifeline");
        return std::future::pending().await;
    }
    if !lifeline {
        std::future::pending().await
    }
}

/// Not tokio's own standard input: that blocks a thread, which would hold up the end of the
/// process.
async fn read_to_end() -> std::io::Result<()> {
    let input = std::io::stdin().as_fd().try_clone_to_owned()?;
    let mut input = pipe::Receiver::from_owned_fd(input)?;
    let mut bytes = [0; 64];
    while input.read(&mut bytes).await? > 0 {}
    Ok(())
}
