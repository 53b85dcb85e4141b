//! `ingora check`: read once, translate, report.

use super::Choice;
use crate::check::{Report, check};
use crate::object::Object;
use crate::source::cluster::client::{ClientError, client};
use crate::source::{Batch, Event, cluster, file};
use crate::store;
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
    #[arg(required_unless_present = "from_cluster", value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Check the objects of a cluster instead of manifests
    #[arg(id = "from_cluster", long = "cluster", conflicts_with = "paths")]
    pub from_cluster: bool,

    /// Where the cluster is.
    #[command(flatten)]
    pub cluster: super::Cluster,

    /// With --cluster: the same as --watch-namespace
    #[arg(
        long,
        short,
        value_name = "NAMESPACE",
        requires = "from_cluster",
        conflicts_with = "watch_namespace"
    )]
    pub namespace: Option<String>,

    /// The form of the report
    #[arg(long, short, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,

    /// Also list every annotation of every Ingress, and what becomes of it; --cluster does that anyway
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
    /// There is no way to the API server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The API server does not answer as it should.
    #[error(transparent)]
    List(#[from] cluster::ListError),
    /// Nothing runs here.
    #[error("the runtime does not start: {0}")]
    Runtime(io::Error),
}

impl CheckArguments {
    /// Reads the objects and reports what would happen to them.
    ///
    /// # Errors
    /// When there is no input to report on.
    pub fn report(&self) -> Result<Report, CheckError> {
        let mut options = self.choice.options(!self.from_cluster);
        options.watch_namespace = self.namespace.clone().or(options.watch_namespace);
        let any_class = self.choice.controller_class.is_none() && self.choice.ingress_class.is_none();
        options.watch_ingress_without_class |= any_class;
        let mut problems = Vec::new();
        let mut objects = Vec::new();
        for event in self.read(&options)? {
            match event {
                Event::Apply(object, location) => {
                    objects.push((if any_class { without_class(*object) } else { *object }, location));
                }
                Event::Problems { problems: found, .. } => problems.extend(found),
                Event::Delete(_) | Event::Ready | Event::Answered(_) => {}
            }
        }
        Ok(check(objects, problems, options, SystemTime::now()))
    }

    fn read(&self, options: &store::Options) -> Result<Batch, CheckError> {
        if self.from_cluster {
            return self.read_cluster(options);
        }
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

impl CheckArguments {
    fn read_cluster(&self, options: &store::Options) -> Result<Batch, CheckError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(CheckError::Runtime)?.block_on(async {
            let client = client(&self.cluster.options()).await?;
            Ok(cluster::read_once(client, options, &cluster::Options::default()).await?)
        })
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
