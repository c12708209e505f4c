//! A small reader of our own pages' HTML: tags and their attributes, nothing clever.

/// A start tag.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Tag {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All start tags of `html`. Panics on what no template of ours should produce.
pub(crate) fn tags(html: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if rest.starts_with(['/', '!']) {
            continue;
        }
        let (tag, after) = tag(rest);
        found.push(tag);
        rest = after;
    }
    found
}

fn tag(text: &str) -> (Tag, &str) {
    let name_len = text.find([' ', '>', '\n']).expect("a tag ends");
    let mut tag = Tag { name: text[..name_len].to_owned(), attributes: Vec::new() };
    let mut rest = text[name_len..].trim_start();
    while !rest.starts_with('>') {
        let name_len = rest.find(['=', ' ', '>', '\n']).expect("a tag ends");
        let name = rest[..name_len].to_owned();
        rest = &rest[name_len..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let len = quoted.find('"').expect("a value ends");
            quoted[..len].clone_into(&mut value);
            rest = &quoted[len + 1..];
        } else {
            assert!(!rest.starts_with('='), "value without double quotes: {rest:.40}");
        }
        tag.attributes.push((name, value));
        rest = rest.trim_start();
    }
    (tag, &rest[1..])
}

/// What stands between each `<script …>` and `</script>`.
pub(crate) fn script_bodies(html: &str) -> Vec<&str> {
    html.split("<script")
        .skip(1)
        .map(|part| {
            let body = part.split_once('>').expect("a tag ends").1;
            body.split_once("</script>").expect("a script ends").0
        })
        .collect()
}

#[test]
fn the_reader_reads() {
    let html = "<!doctype html><p id=\"a\" hidden>x<br></p><script src=\"y\"></script>";
    let names: Vec<_> = tags(html).into_iter().map(|tag| tag.name).collect();
    assert_eq!(names, ["p", "br", "script"]);
    assert_eq!(tags(html)[0].get("id"), Some("a"));
    assert_eq!(tags(html)[0].get("hidden"), Some(""));
    assert_eq!(script_bodies(html), [""]);
}
