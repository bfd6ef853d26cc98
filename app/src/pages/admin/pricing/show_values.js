// Shows a slider's value while it moves. The server calculates the result.
(() => {
	const form = document.getElementById("what-if");
	const money = { style: "currency", currency: form.dataset.currency };
	const formats = {
		count: (value) => value.toLocaleString("en-US"),
		minor: (value) => (value / 10 ** form.dataset.digits).toLocaleString("en-US", { ...money, trailingZeroDisplay: "stripIfInteger" }),
		micros: (value) => (value / 1e6).toLocaleString("en-US", { ...money, minimumFractionDigits: 0, maximumFractionDigits: 6 }),
	};
	const showValue = (slider) => {
		const text = formats[slider.dataset.unit](slider.valueAsNumber);
		slider.setAttribute("aria-valuetext", text);
		document.querySelector(`output[for="${slider.id}"]`).value = text;
	};
	form.querySelectorAll("input[type=range]").forEach(showValue);
	form.addEventListener("input", ({ target }) => target.type === "range" && showValue(target));
})();
