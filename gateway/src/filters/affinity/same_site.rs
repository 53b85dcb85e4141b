//! Browsers that misread `SameSite=None`, as Chromium's project lists them: they refuse the cookie, or take it for `Strict`.

/// Whether the browser of this `User-Agent` understands `None`.
pub(super) fn understands_none(agent: &[u8]) -> bool {
    let Ok(agent) = std::str::from_utf8(agent) else { return true };
    !(takes_none_for_strict(agent) || refuses_none(agent))
}

/// WebKit of iOS 12 and macOS 10.14.
fn takes_none_for_strict(agent: &str) -> bool {
    let webkit = agent.contains("AppleWebKit/");
    let ios = agent.contains("iP") && agent.contains("OS 12_");
    let mac = agent.contains("Macintosh;") && agent.contains("Mac OS X 10_14");
    let safari = agent.contains("Version/") && agent.contains("Safari/") && !agent.contains("Chrom");
    webkit && (ios || mac && (safari || agent.ends_with("(KHTML, like Gecko)")))
}

/// Chromium 51 to 66, and the UC browser before 12.13.2.
fn refuses_none(agent: &str) -> bool {
    if let Some(version) = version(agent, "UCBrowser/") {
        return version < [12, 13, 2];
    }
    let chromium = version(agent, "Chrome/").or_else(|| version(agent, "Chromium/"));
    chromium.is_some_and(|version| (51..=66).contains(&version[0]))
}

/// The first three numbers behind a name.
fn version(agent: &str, name: &str) -> Option<[u32; 3]> {
    let (_, text) = agent.split_once(name)?;
    let text = text.split(' ').next().unwrap_or_default();
    let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
    Some(std::array::from_fn(|_| numbers.next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_the_browsers_of_the_list_are_spared() {
        let mozilla = |rest: &str| format!("Mozilla/5.0 ({rest}");
        let chrome = |number: u32| {
            mozilla(&format!(
                "X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{number}.0.1.2 Safari/537.36"
            ))
        };
        for (agent, understands) in [
            (chrome(50), true),
            (chrome(51), false),
            (chrome(66), false),
            (chrome(67), true),
            (chrome(130), true),
            (
                mozilla(
                    "iPhone; CPU iPhone OS 12_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.0 Mobile/15E148 Safari/604.1",
                ),
                false,
            ),
            (
                mozilla(
                    "iPad; CPU OS 13_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/604.1",
                ),
                true,
            ),
            (
                mozilla(
                    "Macintosh; Intel Mac OS X 10_14_4) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Safari/605.1.15",
                ),
                false,
            ),
            (mozilla("Macintosh; Intel Mac OS X 10_14_4) AppleWebKit/605.1.15 (KHTML, like Gecko)"), false),
            (
                mozilla(
                    "Macintosh; Intel Mac OS X 10_15_1) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
                ),
                true,
            ),
            (
                mozilla(
                    "Macintosh; Intel Mac OS X 10_14_4) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.1.2 Safari/537.36",
                ),
                true,
            ),
            (
                mozilla(
                    "Linux; U; Android 8) AppleWebKit/537.36 Version/4.0 Chrome/57.0.1 UCBrowser/12.13.2.1 Safari/537.36",
                ),
                true,
            ),
            (
                mozilla(
                    "Linux; U; Android 8) AppleWebKit/537.36 Version/4.0 Chrome/57.0.1 UCBrowser/12.13.0.1 Safari/537.36",
                ),
                false,
            ),
            ("curl/8.5.0".to_owned(), true),
            (String::new(), true),
        ] {
            assert_eq!(super::understands_none(agent.as_bytes()), understands, "{agent}");
        }
    }
}
