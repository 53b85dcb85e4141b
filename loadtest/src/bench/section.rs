//! The generated sections of a handwritten page: what stands between `<!-- name -->` and `<!-- /name -->`.

use super::{Doing as _, Failure, Result};
use std::path::Path;

/// Replaces what stands between the two comments of `name` by `body`; all else stays as it is.
///
/// # Errors
/// When the file cannot be read or written, or has no such pair of comments.
pub fn write(file: &Path, name: &str, body: &str) -> Result<()> {
    let shown = file.display();
    let page = std::fs::read_to_string(file).doing(|| format!("cannot read {shown}"))?;
    let page = replace(&page, name, body).ok_or_else(|| {
        Failure::said(format!("{shown} has no <!-- {name} --> followed by <!-- /{name} -->"))
    })?;
    std::fs::write(file, page).doing(|| format!("cannot write {shown}"))
}

fn replace(page: &str, name: &str, body: &str) -> Option<String> {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&open)?;
    let (_, after) = rest.split_once(&close)?;
    Some(format!("{before}{open}\n\n{}\n\n{close}{after}", body.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_section_is_replaced_and_again_gives_the_same() {
        let page = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n<!-- y -->\nc\n<!-- /y -->\n";
        let once = replace(page, "x", "new\n").unwrap();
        assert_eq!(once, "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb\n<!-- y -->\nc\n<!-- /y -->\n");
        assert_eq!(replace(&once, "x", "new").unwrap(), once);
    }

    #[test]
    fn a_page_without_the_comments_is_left_alone() {
        assert_eq!(replace("a <!-- x -->", "x", ""), None);
        assert_eq!(replace("a <!-- /x --> <!-- x -->", "x", ""), None);
    }
}
