// Package nodepassword lets a node name belong to one node: the password that the node keeps must
// match the hash that the cluster keeps. A node whose /etc/rancher was lost is rejected.
package nodepassword

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"nas-k3s.lab/k3s/internal/secret"
)

// File is where the node keeps its password; it is outside the data directory, as in k3s.
const File = "/etc/rancher/node/password"

// ErrRejected is k3s's own message.
var ErrRejected = errors.New("Node password rejected, duplicate hostname or contents of '" + File +
	"' may not match server node-passwd entry, try enabling a unique node name with the " +
	"--with-node-id flag")

// Own reads the node's password from path, or makes one there.
func Own(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(data)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	password := hex.EncodeToString(random)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return password, os.WriteFile(path, []byte(password+"\n"), 0o600)
}

// Ensure compares the password with the secret <node>.node-password.k3s of kube-system and makes
// the secret for a new node. A mismatch is ErrRejected.
func Ensure(ctx context.Context, client kubernetes.Interface, node, password string) error {
	secrets := client.CoreV1().Secrets(metav1.NamespaceSystem)
	name := node + ".node-password.k3s"
	found, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		if !secret.Matches(string(found.Data["hash"]), password) {
			return ErrRejected
		}
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading secret %s: %w", name, err)
	}
	hash, err := secret.Hash(password)
	if err != nil {
		return err
	}
	immutable := true
	_, err = secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Immutable:  &immutable,
		Data:       map[string][]byte{"hash": []byte(hash)},
	}, metav1.CreateOptions{})
	return err
}
