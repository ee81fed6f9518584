package datastore

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/k3s-io/kine/pkg/endpoint"
)

// Serve opens the database file (made when missing) and answers etcd's protocol on the unix
// socket until ctx ends; tasks is done when the file is closed. It gives the address to hand to
// the API server.
func Serve(ctx context.Context, tasks *sync.WaitGroup, file, socket string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	// WAL as k3s has it: the file survives a killed process, readers do not wait for the writer.
	settings := "?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_txlock=immediate"
	served, err := endpoint.Listen(ctx, endpoint.Config{
		WaitGroup: tasks,
		Listener:  "unix://" + socket,
		Endpoint:  scheme + "://file:" + file + settings,
		// kine's own defaults, which its command line would set.
		NotifyInterval:        5 * time.Second,
		EmulatedETCDVersion:   "3.5.13",
		CompactInterval:       5 * time.Minute,
		CompactIntervalJitter: 0,
		CompactTimeout:        5 * time.Second,
		CompactMinRetain:      1000,
		CompactBatchSize:      1000,
		PollBatchSize:         500,
	})
	if err != nil {
		return "", err
	}
	return served.Endpoints[0], nil
}
