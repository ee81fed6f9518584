package process

import (
	"reflect"
	"testing"
)

func TestTheUsersArgumentsWinAndMayRepeat(t *testing.T) {
	got := Args(map[string]string{"a": "1", "b": "2"}, []string{"a=3", "c=x", "--c=y", "d"})
	want := []string{"--a=3", "--b=2", "--c=x", "--c=y", "--d=true"}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
