//! How a function becomes a test.

use libtest_mimic::Trial;
use std::sync::{PoisonError, RwLock};

/// Tests that measure want the machine for themselves: they hold it alone, all others share it.
static MACHINE: RwLock<()> = RwLock::new(());

/// A test named after its module and function.
pub(crate) fn trial(module: &str, name: &str, body: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(title(module, name), move || {
        let _shared = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
        body();
        Ok(())
    })
}

/// The same while no other test runs.
pub(crate) fn alone(module: &str, name: &str, body: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(title(module, name), move || {
        let _alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
        body();
        Ok(())
    })
}

fn title(module: &str, name: &str) -> String {
    let module = module.split_once("::").map_or(module, |(_, rest)| rest);
    format!("{module}::{name}")
}

/// Makes `trials()` of a module; a test that is not named here is dead code and does not compile without a warning.
macro_rules! trials {
    ($($how:ident: $($name:ident),+);+ $(;)?) => {
        pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
            vec![$($($crate::support::trial::$how(module_path!(), stringify!($name), $name)),+),+]
        }
    };
}

pub(crate) use trials;
