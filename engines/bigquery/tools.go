//go:build tools

// Package engines pins the emulator: the version list that "go install" asks for is not needed to build it.
package engines

import _ "github.com/goccy/bigquery-emulator/cmd/bigquery-emulator"
