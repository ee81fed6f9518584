package process

import (
	"sort"
	"strings"
)

// Args makes sorted --key=value arguments of the defaults and the user's own "key=value" entries,
// which win; an entry may come several times, as a repeated flag.
func Args(defaults map[string]string, extra []string) []string {
	values := map[string][]string{}
	for key, value := range defaults {
		values[key] = []string{value}
	}
	seen := map[string]bool{}
	for _, entry := range extra {
		key, value, found := strings.Cut(strings.TrimLeft(entry, "-"), "=")
		if !found {
			value = "true"
		}
		if !seen[key] {
			values[key] = nil
			seen[key] = true
		}
		values[key] = append(values[key], value)
	}
	var args []string
	for key, all := range values {
		for _, value := range all {
			args = append(args, "--"+key+"="+value)
		}
	}
	sort.Strings(args)
	return args
}
