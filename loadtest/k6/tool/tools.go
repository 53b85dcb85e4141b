//go:build tools

// Package tool pins k6, which cannot be installed by its path alone.
package tool

import _ "go.k6.io/k6/v2"
