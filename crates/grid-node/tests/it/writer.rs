//! A client that writes without a pause while a grid changes under it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use grid_node::{GridClient, ReadFrom, ShardId};

use crate::grid::soon;
use crate::toy::command;

/// The shard that is written to.
pub const SHARD: ShardId = 1;

/// Writes one word after the other until told to stop; returns how many were acknowledged.
pub struct Writer {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<u64>,
}

impl Writer {
    /// Starts it.
    pub fn start(client: GridClient) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut request = 0;
            while !until.load(Ordering::SeqCst) {
                let word = format!("w{request}");
                client.submit(SHARD, command(request, &word), soon()).await.expect("acknowledged");
                request += 1;
            }
            request
        });
        Self { stop, task }
    }

    /// Stops and checks that each acknowledged word is there once, in order; how many there are.
    pub async fn finish(self, client: &GridClient) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        let acknowledged = self.task.await.expect("the writer does not panic");
        let words = client.query(SHARD, Bytes::new(), ReadFrom::Leader, soon()).await;
        let words = String::from_utf8(words.expect("answered").to_vec()).expect("text");
        let expected: Vec<String> =
            (0..acknowledged).map(|request| format!("w{request}")).collect();
        assert_eq!(words.lines().collect::<Vec<_>>(), expected);
        acknowledged
    }
}
