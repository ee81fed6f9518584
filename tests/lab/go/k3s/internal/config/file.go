package config

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"
)

func configFileOf(args []string) string {
	for index, arg := range args {
		for _, name := range []string{"--config", "-config", "-c", "--c"} {
			if arg == name && index+1 < len(args) {
				return args[index+1]
			}
			if value, found := strings.CutPrefix(arg, name+"="); found {
				return value
			}
		}
	}
	return ""
}

// fileArguments makes flags of config.yaml: `key: value` is --key=value, a list repeats the flag.
// No file is no flags.
func fileArguments(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(data, &values); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var args []string
	for _, key := range keys {
		items, isList := values[key].([]any)
		if !isList {
			items = []any{values[key]}
		}
		for _, item := range items {
			args = append(args, fmt.Sprintf("--%s=%v", strings.TrimSuffix(key, "+"), item))
		}
	}
	return args, nil
}

// withoutEnv drops what a variable says too, since a variable wins over the file.
func withoutEnv(lines []string, env Getenv) []string {
	variables := map[string]string{
		"--token": "K3S_TOKEN", "--node-name": "K3S_NODE_NAME", "--data-dir": "K3S_DATA_DIR",
		"--write-kubeconfig":      "K3S_KUBECONFIG_OUTPUT",
		"--write-kubeconfig-mode": "K3S_KUBECONFIG_MODE", "--debug": "K3S_DEBUG",
	}
	var kept []string
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		if variable, known := variables[name]; known && env(variable) != "" {
			continue
		}
		kept = append(kept, line)
	}
	return kept
}
