//! What is made of the results: JSON for machines, tables and a picture for people.
//!
//! - [`table`]: the section of `docs/benchmarks.md`
//! - [`svg`]: the picture beside it

pub mod svg;
pub mod table;
#[cfg(test)]
mod tests;

use super::progress::say;
use super::side_by_side::plan::Place;
use super::side_by_side::{Plan, Results};
use super::{Doing as _, Result, section};
use std::path::Path;

/// Writes the results of a side-by-side: `side-by-side.json`, `.md` and `.svg` into the folder for results, and with a page
/// of documentation its section and the picture beside it.
///
/// # Errors
/// When a file cannot be written.
pub fn side_by_side(plan: &Plan, results: &Results) -> Result<()> {
    let name = "side-by-side";
    write(&plan.place, name, results, &table::side_by_side(results), Some(&svg::side_by_side(results)))
}

/// Writes `name.json`, `name.md` and `name.svg`, and the section and picture of the page of documentation.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    place: &Place,
    name: &str,
    results: &impl serde::Serialize,
    body: &str,
    picture: Option<&str>,
) -> Result<()> {
    let json = serde_json::to_string_pretty(results).map_err(std::io::Error::from);
    let json = json.doing(|| "the results do not fit into JSON".to_owned())?;
    put(&place.results, &format!("{name}.json"), &json)?;
    put(&place.results, &format!("{name}.md"), body)?;
    if let Some(picture) = picture {
        put(&place.results, &format!("{name}.svg"), picture)?;
    }
    say(format_args!("results are in {}: {name}.json, {name}.md", place.results.display()));
    let Some(page) = &place.page else { return Ok(()) };
    section::write(page, name, body)?;
    if let Some(picture) = picture {
        put(&page.with_extension(""), &format!("{name}.svg"), picture)?;
    }
    say(format_args!("{} says so, too", page.display()));
    Ok(())
}

fn put(folder: &Path, name: &str, content: &str) -> Result<()> {
    std::fs::create_dir_all(folder).doing(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(name);
    std::fs::write(&path, content).doing(|| format!("cannot write {}", path.display()))
}
