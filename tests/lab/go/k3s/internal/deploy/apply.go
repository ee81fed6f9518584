package deploy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

const (
	manager  = "deploy"
	interval = 5 * time.Second
)

// Applier applies manifests to one cluster.
type Applier struct {
	objects dynamic.Interface
	kinds   *restmapper.DeferredDiscoveryRESTMapper
}

// NewApplier connects to the cluster; it asks nothing yet.
func NewApplier(config *rest.Config) (*Applier, error) {
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	api, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	kinds := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(api))
	return &Applier{objects: objects, kinds: kinds}, nil
}

// Watch removes what is to be removed and then applies each manifest of dir whenever its content
// changes, until ctx ends. A manifest that fails is tried again.
func (a *Applier) Watch(ctx context.Context, dir string, removed [][]byte) {
	applied := map[string][sha256.Size]byte{}
	for {
		removed = a.removeAll(ctx, removed)
		files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		if err != nil {
			logrus.Errorf("Failed to list %s: %v", dir, err)
		}
		sort.Strings(files)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			sum := sha256.Sum256(data)
			if applied[file] == sum {
				continue
			}
			if err := a.Apply(ctx, data); err != nil {
				if ctx.Err() == nil {
					logrus.Errorf("Failed to process config: failed to process %s: %v", file, err)
				}
				continue
			}
			name := strings.TrimSuffix(filepath.Base(file), ".yaml")
			logrus.Infof("Applied manifest %q", name)
			applied[file] = sum
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
		}
	}
}

func (a *Applier) removeAll(ctx context.Context, manifests [][]byte) [][]byte {
	var failed [][]byte
	for _, manifest := range manifests {
		if err := a.Remove(ctx, manifest); err != nil && ctx.Err() == nil {
			logrus.Errorf("Failed to remove a disabled component: %v", err)
			failed = append(failed, manifest)
		}
	}
	return failed
}

// Apply makes the cluster have every object of the manifest.
func (a *Applier) Apply(ctx context.Context, manifest []byte) error {
	return a.each(manifest, func(object *unstructured.Unstructured, api dynamic.ResourceInterface) error {
		_, err := api.Apply(ctx, object.GetName(), object,
			metav1.ApplyOptions{FieldManager: manager, Force: true})
		return err
	})
}

// Remove deletes every object of the manifest.
func (a *Applier) Remove(ctx context.Context, manifest []byte) error {
	return a.each(manifest, func(object *unstructured.Unstructured, api dynamic.ResourceInterface) error {
		// A Job's pods stay otherwise.
		background := metav1.DeletePropagationBackground
		err := api.Delete(ctx, object.GetName(), metav1.DeleteOptions{PropagationPolicy: &background})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

func (a *Applier) each(
	manifest []byte, do func(*unstructured.Unstructured, dynamic.ResourceInterface) error,
) error {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(object.Object) == 0 {
			continue
		}
		api, err := a.resource(object)
		if err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
		if err := do(object, api); err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}

func (a *Applier) resource(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := a.kinds.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		a.kinds.Reset() // a definition may have been added since
		mapping, err = a.kinds.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return nil, err
	}
	resources := a.objects.Resource(mapping.Resource)
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return resources, nil
	}
	namespace := object.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return resources.Namespace(namespace), nil
}
