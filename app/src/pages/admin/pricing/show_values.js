// While a slider moves, the figure beside it says where it stands; what comes of it is the server's to say.
(() => {
	const words = {
		count: (value) => value.toLocaleString("en-US"),
		cents: (value) => (value / 100).toLocaleString("en-US", { style: "currency", currency: "USD", trailingZeroDisplay: "stripIfInteger" }),
		micros: (value) => `$${(value / 1e6).toLocaleString("en-US", { maximumFractionDigits: 6 })}`,
	};
	const tell = (slider) => {
		const text = words[slider.dataset.unit](slider.valueAsNumber);
		slider.setAttribute("aria-valuetext", text);
		document.querySelector(`output[for="${slider.id}"]`).value = text;
	};
	const form = document.getElementById("what-if");
	form.querySelectorAll("input[type=range]").forEach(tell);
	form.addEventListener("input", ({ target }) => target.type === "range" && tell(target));
})();
