//! `ingora check`: read once, translate, report.

use super::Choice;
use crate::check::{Report, check};
use crate::object::Object;
use crate::source::{Batch, Event, file};
use clap::{Args, ValueEnum};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// The form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// The flags of `ingora check`. Exit code 0: no errors; 1: errors; 2: the input cannot be used.
#[derive(Debug, Args)]
#[command(after_help = "Without --ingress-class and --controller-class every Ingress counts as ours.\n\
    Exit code: 0 without errors (warnings are none), 1 with errors, 2 when the input cannot be used.")]
pub struct CheckArguments {
    /// Files or directories of manifests; - is standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// The form of the report
    #[arg(long, short, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,

    /// Also list every annotation of every Ingress, and what becomes of it
    #[arg(long)]
    pub annotations: bool,

    /// Which objects count.
    #[command(flatten)]
    pub choice: Choice,
}

/// The input cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A path does not exist or cannot be read.
    #[error(transparent)]
    Path(#[from] file::UnusablePath),
    /// Standard input cannot be read.
    #[error("standard input: {0}")]
    Input(io::Error),
    /// `-` among other paths.
    #[error("- (standard input) cannot be combined with other paths")]
    Mixed,
}

impl CheckArguments {
    /// Reads the objects and reports what would happen to them.
    ///
    /// # Errors
    /// When there is no input to report on.
    pub fn report(&self) -> Result<Report, CheckError> {
        let mut options = self.choice.options();
        let any_class = self.choice.controller_class.is_none() && self.choice.ingress_class.is_none();
        options.watch_ingress_without_class |= any_class;
        let mut problems = Vec::new();
        let mut objects = Vec::new();
        for event in self.read()? {
            match event {
                Event::Apply(object, location) => {
                    objects.push((if any_class { without_class(*object) } else { *object }, location));
                }
                Event::Problems { problems: found, .. } => problems.extend(found),
                Event::Delete(_) | Event::Ready => {}
            }
        }
        Ok(check(objects, problems, options, SystemTime::now()))
    }

    fn read(&self) -> Result<Batch, CheckError> {
        let is_input = |path: &PathBuf| path == Path::new("-");
        if !self.paths.iter().any(is_input) {
            return Ok(file::read_once(&self.paths)?);
        }
        if self.paths.len() > 1 {
            return Err(CheckError::Mixed);
        }
        let mut text = Vec::new();
        let limit = file::document::MAX_FILE_BYTES;
        io::stdin().lock().take(limit + 1).read_to_end(&mut text).map_err(CheckError::Input)?;
        if text.len() as u64 > limit {
            return Err(CheckError::Input(io::Error::other(format!(
                "it is larger than {} MiB",
                limit >> 20
            ))));
        }
        Ok(file::read_text("(standard input)", &text))
    }
}

/// Makes an Ingress nobody's in particular. Whoever checks manifests without naming a class, often those of
/// another controller, wants to hear about all of them.
fn without_class(mut object: Object) -> Object {
    if let Object::Ingress(ingress) = &mut object {
        ingress.spec.ingress_class_name = None;
        ingress.metadata.annotations.remove(CLASS_ANNOTATION);
    }
    object
}
