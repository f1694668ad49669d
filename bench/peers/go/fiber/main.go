// A room server on Go Fiber's WebSocket, as people write it first: a map of rooms, and each message written to each member in
// turn, under the room's lock. The first frame of a socket names its room, every other one goes to all in it.
//
// What it lacks: nothing is stored, so nobody can resume or read back; no acks, so a sender never knows; sending again
// doubles; no users, permissions or limits; one socket that does not read holds up its room.
package main

import (
	"log"
	"os"
	"sync"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"
)

type room struct {
	sync.Mutex
	members map[*websocket.Conn]struct{}
}

var (
	lock  sync.Mutex
	rooms = map[string]*room{}
)

func open(name string) *room {
	lock.Lock()
	defer lock.Unlock()
	if rooms[name] == nil {
		rooms[name] = &room{members: map[*websocket.Conn]struct{}{}}
	}
	return rooms[name]
}

func serve(c *websocket.Conn) {
	_, name, err := c.ReadMessage()
	if err != nil {
		return
	}
	r := open(string(name))
	r.Lock()
	r.members[c] = struct{}{}
	err = c.WriteMessage(websocket.TextMessage, []byte("joined"))
	r.Unlock()
	defer func() {
		r.Lock()
		delete(r.members, c)
		r.Unlock()
	}()
	for err == nil {
		var message []byte
		if _, message, err = c.ReadMessage(); err != nil {
			return
		}
		r.Lock()
		for member := range r.members {
			_ = member.WriteMessage(websocket.TextMessage, message) // a member who is gone is found by the reader of that connection
		}
		r.Unlock()
	}
}

func main() {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/", websocket.New(serve))
	log.Fatal(app.Listen("127.0.0.1:" + os.Args[1]))
}
