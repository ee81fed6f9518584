// Package initproc is what a container's first process must be: it passes signals on, reaps the
// orphans of the pods' shims, and on cgroup v2 makes room for the kubelet's own groups.
package initproc

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// Run starts this command line again as a child and stays behind as process 1 until the child has
// ended; it gives the child's exit code. marker is the variable that tells the child not to do so.
func Run(marker string) (int, error) {
	if err := evacuate("/sys/fs/cgroup"); err != nil {
		return 1, err
	}
	self, err := os.Executable()
	if err != nil {
		return 1, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	child, err := os.StartProcess(self, os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), marker+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		return 1, err
	}
	go func() {
		for received := range signals {
			_ = child.Signal(received)
		}
	}()
	return reap(child.Pid)
}

func reap(main int) (int, error) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return 1, err
		}
		if pid != main || (!status.Exited() && !status.Signaled()) {
			continue
		}
		if status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return status.ExitStatus(), nil
	}
}

// evacuate moves every process of the container's root group into the group "init": on cgroup v2 a
// group with processes of its own cannot have controllers for its children. On v1 it does nothing.
func evacuate(root string) error {
	controllers, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return nil
	}
	group := filepath.Join(root, "init")
	if err := os.MkdirAll(group, 0o755); err != nil {
		return err
	}
	processes, err := os.ReadFile(filepath.Join(root, "cgroup.procs"))
	if err != nil {
		return err
	}
	for _, pid := range strings.Fields(string(processes)) {
		err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(pid), 0o644)
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	wanted := "+" + strings.Join(strings.Fields(string(controllers)), " +")
	return os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte(wanted), 0o644)
}
