// Package process runs the programs that k3s carries inside, as children of the server.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Child is a running program.
type Child struct {
	Name    string
	Grace   time.Duration // how long it may take to end after SIGTERM
	command *exec.Cmd
	done    chan struct{}
	err     error
}

// Start runs this very binary under the name NAME. What it writes goes to the file out: a pipe
// would stay open in processes that outlive it.
func Start(name string, args, env []string, out *os.File, grace time.Duration) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, args...)
	command.Args[0] = name
	command.Env = env
	command.Stdout, command.Stderr = out, out
	// A terminal's Ctrl-C reaches the server alone, which then stops its children in order.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	child := &Child{Name: name, Grace: grace, command: command, done: make(chan struct{})}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		child.err = command.Wait()
		close(child.done)
	}()
	return child, nil
}

// Done is closed when the program has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Failure says how the program ended; call it after Done.
func (c *Child) Failure() error {
	if c.err == nil {
		return fmt.Errorf("%s exited", c.Name)
	}
	return fmt.Errorf("%s exited: %w", c.Name, c.err)
}

// Stop ends the program: SIGTERM, and SIGKILL when its grace is over.
func (c *Child) Stop() {
	select {
	case <-c.done:
		return
	default:
	}
	_ = c.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(c.Grace):
		_ = c.command.Process.Kill()
		<-c.done
	}
}
