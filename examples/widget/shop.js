// What the shop does about its chat: it tells in its title that something was not read.

const title = document.title;
const news = document.querySelector(".news");

document.querySelector(".support").addEventListener("madang-unread", ({ detail }) => {
  document.title = detail.unread > 0 ? `(${detail.unread}) ${title}` : title;
  news.textContent = detail.unread > 0 ? "The shop has answered you." : "";
});

for (const room of document.querySelectorAll("madang-room")) {
  room.addEventListener("madang-error", ({ detail }) => console.info(`madang-room: ${detail.code} ${detail.message}`));
}
