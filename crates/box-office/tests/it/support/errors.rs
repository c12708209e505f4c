//! What this process logs at ERROR.

/// Watches what this process logs at ERROR from now on. Tests that run in the same process may
/// rightly give up a refund; that alone is left out.
pub fn watch_errors() -> impl Fn() -> Vec<String> {
    use tracing_subscriber::layer::SubscriberExt;
    // In a shared process the first test has set it already; all of them share the list.
    let _ =
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(ErrorWatch));
    let before = ERRORS.lock().len();
    move || ERRORS.lock()[before..].to_vec()
}

static ERRORS: parking_lot::Mutex<Vec<String>> = parking_lot::Mutex::new(Vec::new());

struct ErrorWatch;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for ErrorWatch {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let about = event.metadata();
        if *about.level() == tracing::Level::ERROR && about.target() != "box_office::refunding" {
            ERRORS.lock().push(format!("{} {:?}", about.target(), about.fields()));
        }
    }
}
