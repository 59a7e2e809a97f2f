// Enter sends, Shift+Enter starts a new line. Without this script the button does the same.
document.addEventListener("keydown", (event) => {
  const box = event.target;
  if (box.id !== "id_text" || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (box.value.trim()) box.form.requestSubmit();
});
