package datastore

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// The way an API server uses it: create only when absent, update only when unchanged.
func TestTheDatastoreKeepsKeysOverARestartAndRefusesConflicts(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, func(ctx context.Context, client *clientv3.Client) {
		if !create(ctx, t, client, "/registry/a", "one") {
			t.Fatal("a new key was refused")
		}
		if create(ctx, t, client, "/registry/a", "two") {
			t.Fatal("an existing key was created again")
		}
	})
	serve(t, dir, func(ctx context.Context, client *clientv3.Client) {
		found, err := client.Get(ctx, "/registry/a")
		if err != nil || len(found.Kvs) != 1 || string(found.Kvs[0].Value) != "one" {
			t.Fatalf("%v %v", found, err)
		}
	})
}

func create(ctx context.Context, t *testing.T, client *clientv3.Client, key, value string) bool {
	t.Helper()
	answer, err := client.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, value)).
		Else(clientv3.OpGet(key)).
		Commit()
	if err != nil {
		t.Fatal(err)
	}
	return answer.Succeeded
}

func serve(t *testing.T, dir string, use func(context.Context, *clientv3.Client)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	address, err := Serve(ctx, &tasks, filepath.Join(dir, "db", "state.db"), filepath.Join(dir, "kine.sock"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	use(ctx, client)
}
