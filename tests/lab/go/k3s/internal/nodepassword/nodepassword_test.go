package nodepassword

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"k8s.io/client-go/kubernetes/fake"
)

func TestANodeThatLostItsPasswordIsRejected(t *testing.T) {
	ctx, client := context.Background(), fake.NewClientset()
	first, err := Own(filepath.Join(t.TempDir(), "node", "password"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Ensure(ctx, client, "nas", first); err != nil {
			t.Fatal(err)
		}
	}
	other, err := Own(filepath.Join(t.TempDir(), "password"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Ensure(ctx, client, "nas", other); !errors.Is(err, ErrRejected) {
		t.Fatalf("%v", err)
	}
	if err := Ensure(ctx, client, "another", other); err != nil {
		t.Fatal(err)
	}
}

func TestTheNodesPasswordStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	first, err := Own(path)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := Own(path); err != nil || second != first || first == "" {
		t.Fatalf("%q then %q, %v", first, second, err)
	}
}
