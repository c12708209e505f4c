//! Pages of lists whose items have an id: which one is asked for, and where the next one begins. A cursor
//! names the last item that was told, so that pages stay right when items come and go between two
//! requests, and is ours alone: what else stands there is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_api::Problem;
use serde::Deserialize;
use utoipa::IntoParams;

/// Items of a page when the request names no limit.
const LIMIT_DEFAULT: u32 = 50;
/// Most items of a page.
const LIMIT_MAX: u32 = 100;
/// What a cursor's text begins with, encoded.
const MARK: &str = "after:";

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 100; 50 when absent.
    limit: Option<u32>,
}

/// A page that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    after: String,
    limit: usize,
}

impl PageParams {
    /// The page, unless there is none such.
    ///
    /// # Errors
    /// `invalid_request` with the parameter.
    pub(super) fn checked(&self) -> Result<Page, Problem> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::invalid_parameter("limit", "must be 1 to 100"));
        }
        let after = self.cursor.as_deref().map_or(Some(String::new()), read);
        let foreign = || Problem::invalid_parameter("cursor", "must come from next_cursor");
        Ok(Page { after: after.ok_or_else(foreign)?, limit: limit as usize })
    }
}

impl Page {
    /// The id after which it begins; empty for the first.
    pub(super) fn after(&self) -> &str {
        &self.after
    }

    /// How many items to look up: one more than it shows tells whether there is a next page.
    pub(super) fn wanted(&self) -> usize {
        self.limit + 1
    }

    /// The items that it shows, and the cursor of the next page.
    pub(super) fn cut<T>(
        &self,
        mut items: Vec<T>,
        id: impl Fn(&T) -> &str,
    ) -> (Vec<T>, Option<String>) {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = items.last().filter(|_| more).map(|last| written(id(last)));
        (items, next)
    }
}

fn written(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{MARK}{id}"))
}

fn read(cursor: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(MARK).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(cursor: Option<&str>, limit: Option<u32>) -> Result<Page, Problem> {
        PageParams { cursor: cursor.map(str::to_owned), limit }.checked()
    }

    #[test]
    fn pages_join_without_gap_or_repeat_and_the_last_one_says_so() {
        let all = ["a", "b", "c", "d"];
        for limit in 1..=5 {
            let (mut cursor, mut found) = (None, Vec::new());
            loop {
                let page = asked(cursor.as_deref(), Some(limit)).expect("a page");
                let rest = all.iter().copied().filter(|id| *id > page.after());
                let (items, next) = page.cut(rest.take(page.wanted()).collect(), |id| id);
                assert!(!items.is_empty(), "an empty page at the end");
                found.extend(items);
                cursor = next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, all, "{limit}");
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for limit in [0, 101, u32::MAX] {
            assert!(asked(None, Some(limit)).is_err(), "{limit}");
        }
        for cursor in ["", "zz", "!", "YQ", "a"] {
            assert!(asked(Some(cursor), None).is_err(), "{cursor}");
        }
        assert_eq!(asked(None, None).expect("the first").wanted(), 51);
    }
}
