//! Woodpecker CI: settings of a plugin as inputs. Later steps see nothing but
//! files, so `output_file` is the way.

use super::Host;

pub(super) struct Woodpecker;

impl Host for Woodpecker {
    fn name(&self) -> &'static str {
        "woodpecker"
    }

    fn renders_color(&self) -> bool {
        true
    }

    fn input_prefixes(&self) -> &'static [&'static str] {
        &["INPUT_", "PLUGIN_"]
    }
}
