//! Which scripts a page's entry script will ask for, read once out of the scripts themselves.
//!
//! Pages name them early, so that a browser loads them side by side instead of finding one import
//! after the other. This module must never fail: a script it overlooks is merely loaded later.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::assets::scripts;

static CLOSURES: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let sources: HashMap<_, _> = scripts().collect();
    sources.keys().map(|&entry| (entry, closure(entry, &sources))).collect()
});

/// The scripts that `entry` imports, directly or not, in order of need, without itself.
pub(crate) fn imports_of(entry: &str) -> &'static [&'static str] {
    CLOSURES.get(entry).map_or(&[], Vec::as_slice)
}

fn closure(
    entry: &'static str,
    sources: &HashMap<&'static str, &'static str>,
) -> Vec<&'static str> {
    let mut found = vec![entry];
    let mut next = 0;
    while let Some(&name) = found.get(next) {
        next += 1;
        let Some(&source) = sources.get(name) else { continue };
        for import in imports(source) {
            if !found.contains(&import) && sources.contains_key(import) {
                found.push(import);
            }
        }
    }
    found.remove(0);
    found
}

/// The names in `import … from "./name.js"`, the one form of import that the scripts use.
fn imports(source: &'static str) -> impl Iterator<Item = &'static str> {
    source.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::imports_of;

    #[test]
    fn imports_are_followed_to_their_end() {
        assert!(imports_of("home.js").contains(&"when.js"));
        assert!(imports_of("home.js").contains(&"messages.js"), "through when.js");
        assert!(imports_of("event.js").contains(&"retry.js"), "through api.js");
        assert!(!imports_of("event.js").contains(&"event.js"));
        assert!(imports_of("nothing.js").is_empty());
    }
}
