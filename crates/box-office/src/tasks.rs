//! Watching a process's background tasks: none may die unnoticed.

use tokio::task::JoinSet;

/// A background task died of a defect; the process must be restarted.
#[derive(Debug, thiserror::Error)]
#[error("a background task died: {0}")]
pub struct TaskDied(String);

/// Resolves when a task panics; tasks that end by themselves are no news.
pub(crate) async fn first_death(tasks: &mut JoinSet<()>) -> TaskDied {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            return TaskDied(error.to_string());
        }
    }
    std::future::pending().await
}

/// Waits until all have ended.
pub(crate) async fn end(mut tasks: JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}
